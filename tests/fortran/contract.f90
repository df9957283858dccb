! The Fortran module from outside: column order, sections with gaps, the values of the statuses, what is wrong.
! Usage: contract FIXTURES SCRATCH
module listeners
    use handgrad
    implicit none
    integer :: epochs_seen = 0
contains
    logical function after_five(epoch)
        type(handgrad_epoch), intent(in) :: epoch
        epochs_seen = int(epoch%epoch)
        after_five = epoch%epoch < 5
    end function
end module

program contract
    use, intrinsic :: iso_c_binding, only: c_double, c_float, c_size_t
    use handgrad
    use listeners
    implicit none
    integer :: checks = 0, failures = 0
    character(len=1000) :: fixtures, scratch
    call get_command_argument(1, fixtures)
    call get_command_argument(2, scratch)
    call test_network()
    call test_network_in_float()
    call test_training()
    call test_failures()
    write (*, '(i0,a,i0,a)') checks, ' checks, ', failures, ' failed'
    if (failures > 0) stop 1
contains
    subroutine check(what, good)
        character(len=*), intent(in) :: what
        logical, intent(in) :: good
        checks = checks + 1
        if (good) return
        failures = failures + 1
        write (*, '(4a)') 'failed: ', what, '; last error: ', handgrad_error_message()
    end subroutine

    logical function same(a, b)  ! to the last bit
        real(c_double), intent(in) :: a(:), b(:)
        same = size(a) == size(b) .and. all(transfer(a, [0_c_size_t]) == transfer(b, [0_c_size_t]))
    end function

    logical function begins(text, with)
        character(len=*), intent(in) :: text, with
        begins = index(text, with) == 1
    end function

    ! yhat = W x + b with W(k, j) = 10 k + j, which no other order of the numbers gives.
    subroutine test_network()
        type(handgrad_network) :: net
        real(c_double) :: W(2, 3), b(2), x(3, 4), yhat(2, 4), J(2, 3), JT(3, 2, 4), v(2, 4), vJ(3, 4), u(3, 4), Ju(2, 4)
        real(c_double) :: wide(6, 8), wide_yhat(4, 8), one(2), kept(8)
        integer :: j_, k, row, inputs, outputs, parameters
        do k = 1, 2
            b(k) = k/4.0_c_double
            do j_ = 1, 3
                W(k, j_) = 10*k + j_
            end do
        end do
        do row = 1, 4
            x(:, row) = [row + 0.5_c_double, row*2.0_c_double, -row*0.25_c_double]
            v(:, row) = [1.0_c_double, row*0.5_c_double]
            u(:, row) = [0.5_c_double, -1.0_c_double, row*1.0_c_double]
        end do
        call net%create([3, 2], '', 'identity', [reshape(transpose(W), [6]), b], threads=1)
        call net%sizes(inputs, outputs, parameters)
        call check('sizes', inputs == 3 .and. outputs == 2 .and. parameters == 8)
        call net%parameters(kept)
        call check('parameters', same(kept, [reshape(transpose(W), [6]), b]))
        call net%predict(x, yhat)
        do row = 1, 4  ! whole and quarter numbers: exact
            call check('a column is a row', same(yhat(:, row), matmul(W, x(:, row)) + b))
        end do
        call net%jacobian(x(:, 2), one, J)
        call check('J(k, j)', same(reshape(J, [6]), reshape(W, [6])) .and. same(one, yhat(:, 2)))
        call net%jacobian_transposed(x, yhat, JT)
        call check('JT(j, k)', same(reshape(JT(:, :, 3), [6]), reshape(transpose(W), [6])))
        call net%vector_jacobian(x, v, yhat, vJ)
        call check('v J', same(vJ(:, 4), matmul(v(:, 4), W)))
        call net%jacobian_vector(x, u, yhat, Ju)
        call check('J u', same(Ju(:, 4), matmul(W, u(:, 4))))
        wide = -99.0_c_double
        wide(1:5:2, 2:8:2) = x
        wide_yhat = -7.0_c_double
        call net%predict(wide(1:5:2, 2:8:2), wide_yhat(2:4:2, 1:7:2))
        do row = 1, 4
            call check('sections with gaps', same(wide_yhat(2:4:2, 2*row - 1), yhat(:, row)))
        end do
        call check('nothing beside', all(abs(wide_yhat(1:3:2, :) + 7) < 0.5) .and. all(abs(wide_yhat(:, 2:8:2) + 7) < 0.5))
        call net%predict(x(:, 4:1:-1), yhat)
        call check('backwards', same(yhat(:, 1), wide_yhat(2:4:2, 7)))
        call net%free()
    end subroutine

    subroutine test_network_in_float()
        type(handgrad_network) :: net
        real(c_float) :: x(2, 3), yhat(1, 3), J(1, 2), one(1)
        real(c_double) :: x_double(2, 3), yhat_double(1, 3)
        integer :: stat
        call net%create([2, 1], '', 'identity', [2.0_c_double, 3.0_c_double, 0.5_c_double], precision=handgrad_float)
        x = reshape([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3])
        call net%predict(x, yhat)
        call check('in float', all(abs(yhat(1, :) - [8.5, 18.5, 28.5]) < 1e-6))
        call net%jacobian(x(:, 1), one, J)
        call check('J in float', all(abs(J(1, :) - [2.0, 3.0]) < 1e-6))
        x_double = x
        call net%predict(x_double, yhat_double, stat)
        call check('double of float', stat == handgrad_usage .and. &
            begins(handgrad_error_message(), 'handgrad_network_predict: the network calculates in float'))
        call net%free()
    end subroutine

    subroutine test_training()
        type(handgrad_model) :: model, again
        real(c_double) :: x(2, 50), y(1, 50), yhat(1, 50), yhat_again(1, 50), one(1), J(1, 2), J3(1, 2, 50), JT(2, 1), H(2, 2, 1)
        character(len=:), allocatable :: name
        integer :: i, columns, inputs, outputs, classes, task, place
        do i = 1, 50
            x(:, i) = [sin(real(i, c_double)), cos(3.0_c_double*i)]
            y(1, i) = x(1, i) - 2*x(2, i)
        end do
        call model%train(x, y, 'hidden=8 hidden_activation=tanh epochs=80 lr=0.02 dtype=f64', threads=1)
        call model%predict(x, yhat)
        call check('it has learned', maxval(abs(yhat - y)) < 0.5)
        call model%jacobian(x(:, 7), one, J)
        call model%jacobian_transposed(x(:, 7), one, JT)
        call model%jacobian(x, yhat, J3)
        call model%hessian(x(:, 7), one, H)
        call check('H of a model', same(H(1, 2, :), H(2, 1, :)) .and. maxval(abs(H)) > 0)
        call check('J of a model', same(J(1, :), J3(1, :, 7)) .and. same(J(1, :), JT(:, 1)) .and. J(1, 1) > 0 .and. J(1, 2) < 0)
        call model%sizes(columns, inputs, outputs, classes)
        call check('sizes of a model', columns == 2 .and. inputs == 2 .and. outputs == 1 .and. classes == 0)
        call model%task(task)
        call check('task', task == handgrad_regression)
        call model%column('x2', place)
        call model%column_name(2, name)
        call check('columns count from 1', place == 2 .and. name == 'x2')
        call model%save(trim(scratch)//'/fortran.model')
        call again%load(trim(scratch)//'/fortran.model')
        call again%predict(x, yhat_again)
        call model%predict(x, yhat)
        call check('saved and read', same(yhat_again(1, :), yhat(1, :)))
        call again%free()
        call model%free()
        call model%train(x, y, 'epochs=50', on_epoch=after_five)
        call model%fact('epochs.run', name)
        call check('a listener ends it', epochs_seen == 5 .and. name == '5')
        call model%free()
        call test_classes()
    end subroutine

    subroutine test_classes()
        type(handgrad_model) :: model
        real(c_double) :: x(1, 40), y(1, 40), shares(2, 40)
        integer :: chosen(40), i, task
        character(len=:), allocatable :: name
        do i = 1, 40
            x(1, i) = mod(7*i, 40) - 19.5_c_double
            y(1, i) = merge(3.0_c_double, 8.0_c_double, x(1, i) > 0)
        end do
        call model%train(x, y, 'task=classification epochs=80 lr=0.05')
        call model%task(task)
        call model%classify(x, chosen, shares)
        call check('classes', task == handgrad_classification .and. all(abs(sum(shares, 1) - 1) < 1e-12))
        call model%class_name(chosen(1), name)
        call check('a class by its place', name == merge('3', '8', x(1, 1) > 0))
        call model%free()
    end subroutine

    subroutine test_failures()
        type(handgrad_model) :: model, copy
        real(c_double) :: x(3, 2), yhat(1, 2), few(1, 1)
        integer :: stat, place
        x = 0
        call model%predict(x, yhat, stat)
        call check('nothing loaded', stat == handgrad_usage .and. &
            handgrad_error_message() == 'handgrad_model_predict: model is NULL')
        call model%load(trim(scratch)//'/none.model', stat)
        call check('no file', stat == handgrad_io)
        call model%load(trim(fixtures)//'/houses.csv', stat)
        call check('no model', stat == handgrad_model_file)
        call model%train(x, yhat, 'epoch=3', stat=stat)
        call check('no setting', stat == handgrad_usage .and. index(handgrad_error_message(), "did you mean 'epochs'?") > 0)
        call model%load(trim(fixtures)//'/0.1/linear.model')
        call model%predict(x, few, stat)
        call check('rows differ', stat == handgrad_usage .and. &
            handgrad_error_message() == 'predict: the rows of the arrays differ: one has 1, another 2')
        call model%column('nothing', place, stat)
        call check('no column', stat == handgrad_usage .and. place == 0 .and. &
            begins(handgrad_error_message(), 'handgrad_model_column: '))
        copy = model
        call model%free(stat)
        call check('freed', stat == handgrad_ok)
        call copy%free(stat)
        call check('freed twice', stat == handgrad_bad_handle .and. &
            handgrad_error_message() == 'handgrad_model_free: model was freed before')
    end subroutine
end program
